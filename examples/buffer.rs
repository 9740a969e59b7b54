//! A megabyte of pixels in a shared buffer: another process works on it in place, nothing is copied.
use commonhold::Buffer;
use std::error::Error;
use std::process::Command;

const PIXELS: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        Some(name) => child(&name),
        None => parent(),
    }
}

fn parent() -> Result<(), Box<dyn Error>> {
    let name = format!("buffer-{}", std::process::id());
    let image = Buffer::<u8>::create(&name, PIXELS)?;
    // One writer, or any number of readers, at a time.
    for (pixel, shade) in image.write()?.iter_mut().zip((0..=u8::MAX).cycle()) {
        *pixel = shade;
    }
    println!("drawn:    {:?} …", &image.read()?[..8]);

    let inverted = Command::new(std::env::current_exe()?).arg(&name).status()?;
    assert!(inverted.success(), "the child failed");

    let pixels = image.read()?;
    println!("inverted: {:?} …", &pixels[..8]);
    assert!(pixels.iter().zip((0..=u8::MAX).cycle()).all(|(pixel, shade)| *pixel == !shade));
    Ok(())
}

fn child(name: &str) -> Result<(), Box<dyn Error>> {
    let image = Buffer::<u8>::open(name)?;
    image.write()?.iter_mut().for_each(|pixel| *pixel = !*pixel);
    Ok(())
}
