"""Backups: database and pictures in one encrypted file, and back from it into an empty system."""
