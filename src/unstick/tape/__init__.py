"""Floor 1. Frames as bytes: codec, deltas, records, writer, reader, redaction. Time comes with the Frame."""
