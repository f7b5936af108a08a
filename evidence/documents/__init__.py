"""The documents of the evidence: what is signed, sealed or handed over, each in its one spelling. Pure."""
