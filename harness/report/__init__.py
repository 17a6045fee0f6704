"""What came of a run, for people (`console`) and for programs (`json`). Neither of them judges."""
