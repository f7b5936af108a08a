"""Rules that several record types share, one subject a file; a rule of one type stands with its type.

A rule says what an act breaks, seen from the state before it. The same functions serve gates and facts: a gate that
allows therefore promises that the same act, recorded in time, carries no finding, and a fact that breaks a rule is
kept, with the finding. A rule that needs a field which a gate call does not know yet says nothing there.
"""
