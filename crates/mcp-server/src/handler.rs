use std::marker::PhantomData;

use crate::Context;

/// A function that tools and prompts are made of: `async fn(A) -> T` or `async fn(A, Context) -> T`, or
/// a closure like one.
///
/// `A` is what the arguments are decoded into, and `()` where there are none. `M` tells the two forms
/// apart; it is always inferred.
///
/// Dropping the future cancels the work. A panic in it answers the request with an internal error and
/// harms nothing else.
pub trait Handler<A, M>: Send + Sync + 'static {
    /// What the function returns in the end.
    type Output;
    /// What it returns at once.
    type Future: Future<Output = Self::Output> + Send + 'static;

    /// Calls the function; `context` makes the second argument for those that have one.
    fn call(&self, arguments: A, context: &mut dyn FnMut() -> Context) -> Self::Future;
}

/// Marks a [`Handler`] of arguments alone.
#[derive(Debug)]
pub struct Plain(PhantomData<()>);

/// Marks a [`Handler`] of arguments and a [`Context`].
#[derive(Debug)]
pub struct WithContext(PhantomData<()>);

impl<F, A, Fut> Handler<A, Plain> for F
where
    F: Fn(A) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn call(&self, arguments: A, _: &mut dyn FnMut() -> Context) -> Fut {
        self(arguments)
    }
}

impl<F, A, Fut> Handler<A, WithContext> for F
where
    F: Fn(A, Context) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn call(&self, arguments: A, context: &mut dyn FnMut() -> Context) -> Fut {
        self(arguments, context())
    }
}
