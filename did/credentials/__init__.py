"""Verifiable credentials: VC Data Model 2.0, secured with Data Integrity `eddsa-jcs-2022`."""
