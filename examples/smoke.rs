use std::time::*;
fn fib(n:u32)->u64{ if n<2 {return n as u64;} let a=letgo::spawn_value(move||fib(n-1)); let b=fib(n-2); a.get()+b }
fn sky(num:u64,size:u64)->u64{ if size==1{return num;} let hs:Vec<_>=(0..10).map(|i| letgo::spawn_value(move||sky(num+i*(size/10),size/10))).collect(); hs.into_iter().map(|h|h.get()).sum() }
fn main(){
  for _ in 0..3 {
  let t=Instant::now(); for i in 0..200_000u64{ assert_eq!(letgo::spawn_value(move||i).get(),i);} println!("W1 {:?}/task", t.elapsed()/200_000);
  let t=Instant::now(); let hs:Vec<_>=(0..10_000u64).map(|i|letgo::spawn_value(move||i)).collect(); let s:u64=hs.into_iter().map(|h|h.get()).sum(); println!("W2 {:?}/task {s}", t.elapsed()/10_000);
  let t=Instant::now(); let f=fib(25); println!("W3 {:?}/fork {f}", t.elapsed()/242_785);
  let t=Instant::now(); let f=sky(0,1_000_000); println!("W4 {:?}/task {f}", t.elapsed()/1_111_111);
  for ms in [100,300]{
  let t=Instant::now(); let hs:Vec<_>=(0..1000).map(|_|letgo::spawn_value(move||std::thread::sleep(Duration::from_millis(ms)))).collect(); for h in hs {h.get_timeout(Duration::MAX).unwrap();} println!("W6 {ms} {:?} threads {}", t.elapsed(), letgo::Pool::global().threads());}
  let t=Instant::now(); let b=std::sync::Arc::new(std::sync::Barrier::new(64)); let hs:Vec<_>=(0..64).map(|_|{let b=b.clone(); letgo::spawn_value(move||{b.wait();})}).collect(); for h in hs {h.get();} println!("barrier {:?}", t.elapsed());
  let t=Instant::now(); for _ in 0..1000 { letgo::spawn_future(async{1}).get(); } println!("future get {:?}", t.elapsed()/1000);
  let t=Instant::now(); let mut h=letgo::spawn_value(||0u64); for _ in 0..50_000 { let p=h; h=letgo::spawn_value(move||p.get()+1);} println!("chain {} {:?}", h.get(), t.elapsed());
  }
}
