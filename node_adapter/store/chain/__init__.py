"""What the chain says, as of the newest block of this node's own index: one function for each question, by contract.

`event_log` is the index as the indexer writes it; who asks what it means asks the other modules, whose answers are
typed. Beside `evidence`, which shows events as they are, nobody reads an event's arguments by their names.
"""
