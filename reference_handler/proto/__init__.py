"""The protobuf message of one row: see `README.md` for how the code is generated."""
