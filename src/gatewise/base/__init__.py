"""What everything else stands on: types, arrays, nested structures, names, releases, variables, masks."""
