"""EgizCore: the digital-twin engine of OpenEgiz."""

__version__ = "0.1.0"
