use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::delegate_io::delegate_io;

/// A socket of the system that is connected to a server.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    /// Has the system acknowledge at once what was read, where it can.
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
    Unix
});
