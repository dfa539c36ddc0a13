//! Test servers for chunkref: an HTTP range server with latency and a request log.
