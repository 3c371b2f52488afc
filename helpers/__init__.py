"""The working parts of *Under the Hood*: one room for each chapter, and the rooms that they share."""
