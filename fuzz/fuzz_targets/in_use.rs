#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| commonhold_fuzz::in_use(data));
