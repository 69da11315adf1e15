"""What is measured against peers, compared as files, and made once for the package."""
