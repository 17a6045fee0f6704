"""The server under test: what it declares, how it is started, watched and outlived."""
