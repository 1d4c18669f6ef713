"""`tunewise check`: project proposals in, findings out, in the formats that CI systems read.

Nothing is imported here, so that `tunewise schema` does not pay for what only `tunewise check` needs.
"""
