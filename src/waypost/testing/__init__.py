"""The public test kit: fakes of every seam."""
