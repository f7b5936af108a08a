"""The subject map: how many records each subject has, and the head of its chain, under every anchor. Pure."""
