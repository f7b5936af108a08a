"""What several commands share: options, input and output, the node and the wallet that they name."""
