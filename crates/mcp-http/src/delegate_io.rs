//! Enums of I/O streams.

/// Implements reading and writing for an enum by delegating to the stream in its variant.
macro_rules! delegate_io {
    ($name:ident { $( $(#[$attr:meta])* $variant:ident ),+ }) => {
        impl tokio::io::AsyncRead for $name {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                match self.get_mut() {
                    $( $(#[$attr])* Self::$variant(io) => std::pin::Pin::new(io).poll_read(cx, buf), )+
                }
            }
        }

        impl tokio::io::AsyncWrite for $name {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                match self.get_mut() {
                    $( $(#[$attr])* Self::$variant(io) => std::pin::Pin::new(io).poll_write(cx, buf), )+
                }
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                match self.get_mut() {
                    $( $(#[$attr])* Self::$variant(io) => {
                        std::pin::Pin::new(io).poll_write_vectored(cx, bufs)
                    } )+
                }
            }

            fn is_write_vectored(&self) -> bool {
                match self {
                    $( $(#[$attr])* Self::$variant(io) => io.is_write_vectored(), )+
                }
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                match self.get_mut() {
                    $( $(#[$attr])* Self::$variant(io) => std::pin::Pin::new(io).poll_flush(cx), )+
                }
            }

            fn poll_shutdown(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                match self.get_mut() {
                    $( $(#[$attr])* Self::$variant(io) => std::pin::Pin::new(io).poll_shutdown(cx), )+
                }
            }
        }
    };
}

pub(crate) use delegate_io;
