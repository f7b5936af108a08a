"""One member's node: chain, store, keystore, peers, workflows and worker."""
