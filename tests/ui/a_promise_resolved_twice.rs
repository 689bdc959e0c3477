fn main() {
    let (resolver, answer) = letgo::promise();
    resolver.resolve(1).unwrap();
    resolver.resolve(2).unwrap();
    answer.get();
}
