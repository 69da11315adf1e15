"""Plugins and everything that they offer: methods, threshold policies, datasets, calibrations, sections, commands."""
