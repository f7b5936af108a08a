"""Rule sets, the questionnaire, matching, the state machine and the record types. Pure: every number is data."""
