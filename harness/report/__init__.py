"""What came of a run, for people (`console`), for programs (`json`) and for CI (`junit`). None of them judges."""
