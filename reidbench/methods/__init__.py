"""The contract of an identification method, and what methods share: features, similarities and local matching."""
