"""The benchmark: real servers under load, side by side (`make bench`)."""
