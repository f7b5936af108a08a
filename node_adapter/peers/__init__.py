"""Messages between members: signed with the registry's keys, fresh, and accepted once."""
