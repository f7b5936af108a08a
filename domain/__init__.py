"""What a domain of evidence is made of: record types, facts, findings, and the words that people are told. Pure."""
