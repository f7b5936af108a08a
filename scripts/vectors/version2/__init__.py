"""The worked values of docs/spec/evidence-2.md, one module a subject, which offers `vectors() -> {name: values}`."""
