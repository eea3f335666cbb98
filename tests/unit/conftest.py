"""Its standing here puts this folder on the path: the tests in the rooms below share its modules."""
