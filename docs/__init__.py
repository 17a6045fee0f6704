"""The programs that make parts of the documentation."""
