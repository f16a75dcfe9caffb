"""What the course needs beside the network: simpler and wrong relatives of it, and pictures of live values."""
