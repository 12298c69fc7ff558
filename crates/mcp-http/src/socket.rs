use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::delegate_io::delegate_io;

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(feature = "_simulation")]
    Simulated(tokio::io::DuplexStream),
}

impl Socket {
    /// Makes the system acknowledge received data at once, if supported.
    pub(crate) fn acknowledge(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Self::Tcp(stream) = self {
            // Only an optimization: a failure costs time, not correctness.
            let _ = socket2::SockRef::from(stream).set_tcp_quickack(true);
        }
    }
}

delegate_io!(Socket {
    Tcp,
    #[cfg(unix)]
    Unix,
    #[cfg(feature = "_simulation")]
    Simulated
});
