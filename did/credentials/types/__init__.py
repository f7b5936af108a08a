"""The credential types, one file each, which offers a `CredentialType` as TYPE (`did.credentials.credential_type`)."""
