"""Convert public weights to mmavs: one module per published system.

``name_table`` renames the tensors of a checkpoint by a table; the module of
each system holds its table and its conversion function. The command lines are
in ``tools/model_converters``.
"""
