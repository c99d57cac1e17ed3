"""Files of circuits: AIGER (ASCII and binary), BLIF and structural Verilog, written and read."""
