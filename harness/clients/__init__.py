"""The clients of a target: one connection (`wire`), who they are (`personas`), how many (`mix`, `crowd`)."""
