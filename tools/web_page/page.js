// Videos that are side by side play together: the one that the visitor uses
// leads, and the others follow it without sound.
(() => {
  const MAX_DRIFT_SECONDS = 0.15;

  const groupOf = (video) => video.closest('.players');
  const soundOf = (video) => video.parentElement.querySelector('audio');

  function follow(leader) {
    for (const video of groupOf(leader).querySelectorAll('video')) {
      const sound = soundOf(video);
      const leads = video === leader;
      // A video with another sound never plays its own.
      video.muted = !leads || sound !== null;
      const followers = leads ? [] : [video];
      if (sound !== null) {
        sound.muted = !leads;
        followers.push(sound);
      }
      for (const follower of followers) {
        const drift = follower.currentTime - leader.currentTime;
        if (Math.abs(drift) > MAX_DRIFT_SECONDS) {
          follower.currentTime = leader.currentTime;
        }
        if (leader.paused && !follower.paused) follower.pause();
        if (!leader.paused && follower.paused && !follower.ended) {
          follower.play().catch(() => {});
        }
      }
    }
  }

  function onEvent(event) {
    const video = event.target;
    if (!(video instanceof HTMLVideoElement) || !groupOf(video)) return;
    const group = groupOf(video);
    if (event.type === 'play' && event.isTrusted) {
      // A follower's own start must not make it the leader.
      const leader = group.leader;
      if (!leader || leader.paused || leader.ended) group.leader = video;
    }
    if (event.type === 'pointerdown') group.leader = video;
    if (group.leader === video) follow(video);
  }

  for (const type of
    ['pointerdown', 'play', 'pause', 'seeking', 'timeupdate', 'ended']) {
    document.addEventListener(type, onEvent, true);
  }
})();
