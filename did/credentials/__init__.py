"""Verifiable credentials: VC Data Model 2.0, secured by the cryptosuites of `did.credentials.suites`."""
