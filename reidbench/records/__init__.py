"""Run folders on disk: written whole, checked and migrated when read, found by name or id."""
