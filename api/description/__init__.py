"""The description of the HTTP interface: what each route takes and answers, and the file that is built of it."""
