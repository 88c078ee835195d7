"""The public test kit: fakes of the seams that have no fake beside them."""
