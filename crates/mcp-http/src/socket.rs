use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::either::either;

/// What the system connects to a server with.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    /// Has the system acknowledge at once what was read, where that can be asked for.
    pub(crate) fn acknowledge(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Self::Tcp(stream) = self {
            // It is an optimization only: a system that refuses it is as slow as it was.
            let _ = socket2::SockRef::from(stream).set_tcp_quickack(true);
        }
    }
}

either!(Socket {
    Tcp,
    #[cfg(unix)]
    Unix
});
