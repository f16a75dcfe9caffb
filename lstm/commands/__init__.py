"""What the commands are made of: options, a training session, wishes for a header, where tunes go."""
