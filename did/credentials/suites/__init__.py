"""The cryptosuites, one file each, which offers a `Suite` as SUITE (`did.credentials.suite`)."""
