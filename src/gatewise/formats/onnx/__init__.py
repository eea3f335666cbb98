"""ONNX files, written without the library: a graph of nodes over named values, in Protocol Buffers."""
