//! Fleet CA, certificates, sealing and every TLS setting.
