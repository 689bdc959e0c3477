use std::time::*;
fn main(){
  for ms in [100]{
  let t=Instant::now(); let hs:Vec<_>=(0..1000).map(|_|letgo::spawn_value(move||std::thread::sleep(Duration::from_millis(ms)))).collect(); for h in hs {h.get_timeout(Duration::MAX).unwrap();} println!("W6 {ms} {:?} threads {}", t.elapsed(), letgo::Pool::global().threads());}
}
