"""The first version's procedure in small, with its label leak or without, for the audit to be tried on."""
